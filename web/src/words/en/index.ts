import { common } from "./common";
import { compare } from "./compare";
import { deployment } from "./deployment";
import { model } from "./model";
import { promotion } from "./promotion";
import { running } from "./running";
import { settings } from "./settings";
import { version } from "./version";
import { yard } from "./yard";

export const en = { common, compare, deployment, model, promotion, running, settings, version, yard };
