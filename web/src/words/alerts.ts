import { alerts } from "./en/alerts";
import { spoken } from "./language";

export const alertsWords = spoken({ en: alerts });
