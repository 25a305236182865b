import { common } from "./common";
import { compare } from "./compare";
import { deployment } from "./deployment";
import { happenings } from "./happenings";
import { model } from "./model";
import { promotion } from "./promotion";
import { running } from "./running";
import { settings } from "./settings";
import { version } from "./version";
import { yard } from "./yard";

export const en = { common, compare, deployment, happenings, model, promotion, running, settings, version, yard };
