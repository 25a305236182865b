import { endpoint } from "./en/endpoint";
import { spoken } from "./language";

export const endpointWords = spoken({ en: endpoint });
