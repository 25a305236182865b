import { promotion } from "./en/promotion";
import { spoken } from "./language";

export const promotionWords = spoken({ en: promotion });
