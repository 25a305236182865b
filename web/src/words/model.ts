import { model } from "./en/model";
import { spoken } from "./language";

export const modelWords = spoken({ en: model });
