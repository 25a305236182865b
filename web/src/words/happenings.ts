import { happenings } from "./en/happenings";
import { spoken } from "./language";

export const happeningsWords = spoken({ en: happenings });
