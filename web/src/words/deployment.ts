import { deployment } from "./en/deployment";
import { spoken } from "./language";

export const deploymentWords = spoken({ en: deployment });
