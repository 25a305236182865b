import { compare } from "./en/compare";
import { spoken } from "./language";

export const compareWords = spoken({ en: compare });
