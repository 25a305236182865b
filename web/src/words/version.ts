import { version } from "./en/version";
import { spoken } from "./language";

export const versionWords = spoken({ en: version });
