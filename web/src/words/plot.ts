import { plot } from "./en/plot";
import { spoken } from "./language";

export const plotWords = spoken({ en: plot });
