import { agents } from "./en/agents";
import { spoken } from "./language";

export const agentsWords = spoken({ en: agents });
