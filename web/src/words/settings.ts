import { settings } from "./en/settings";
import { spoken } from "./language";

export const settingsWords = spoken({ en: settings });
