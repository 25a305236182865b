import { storage } from "./en/storage";
import { spoken } from "./language";

export const storageWords = spoken({ en: storage });
