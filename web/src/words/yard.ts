import { yard } from "./en/yard";
import { spoken } from "./language";

export const yardWords = spoken({ en: yard });
