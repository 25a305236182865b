import { events } from "./en/events";
import { spoken } from "./language";

export const eventsWords = spoken({ en: events });
