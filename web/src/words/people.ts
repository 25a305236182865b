import { people } from "./en/people";
import { spoken } from "./language";

export const peopleWords = spoken({ en: people });
