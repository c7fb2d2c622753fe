// Where the weights of the code model start: what feature maps have in common. Fitted by
// test/bench/codec/fit-prior.ts on 400 images of the calibration half, layers of 32x16x16, 96x8x8.
// It is part of the coder: another prior is another coder.
import { LOG_ODDS_ONE } from "./logistic.ts";

/** A row a decision, in base64; each byte a weight, signed, in 1/32. */
const ROWS = [
  "6AAAAPn+/v8HCBMF+evz+gUNDgoFCwcF9/b4/grs+v3//P8FE+kAAAAAFesAAAAAFAoAAAAA9AAAAAAA/xzuBwvz+vr7",
  "4wD29/b9+PoKHDkR6+bo8/wJMSEVHRQG+/Pu7hHZ6vb+Bg4WItkAAA0AL9sAABEAKCcAAAQA6QgAAAYABiLuDBHt/wD8",
  "4vL39/j6+/8OI08O6+fq9f0GPC4dJBQG/fXy7RXV6vgACRIYLtHvABYnL9L1AhQkKjIZEQTy2QsOCggF/CnsCRPnAgcL",
  "4e/19/X6/QIOIlEM6uXq8vwIPjMdIhMF/Pf07hbV6vcBChEXLM/xABUmMNL4AxIjKjEZEATx3A4MCwgE/CzqBhTmAQUQ",
  "/AD49/zy9P0FDSH++/r8AAIDBgP/FAgA+PP2/wcIBAIA/vn2++YAAPQAI+MAAPIAJxsAAPgA6QAAAPoAAhXyBgUB+vj3",
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "9Obv7u7v8v0KGT78/vz8/wEA+PgGDQgA9/Du9AME+fr7/P30Aejf5fMeJOLi6vobHyQRBu3q0gEA+/P/9gz3/gD7+/X3",
  "+/X5+PT19PgGGi4J9fP19/sEFxH8AwIA/f8DBAYCAAAB//3+AuLh7A0iJuXk8AwfICUTC/7s1wP//wIE/RbwAv7+Av//",
  "//j6+vn38PMACx/2BQQDBQX+6/MVFg0E9+7k4vkG/v3+/v/99vLv8vP/I+nw8/YEIhoPBPbo3QH+/vj3/PUDCAUA+fT0",
  "/fr//P76+wAIEBQM+vj4+vwCFA0AAgIDAwME/wYCAQD/AAAACfPxAgwOD/TyAg0NDhMKCAH38QMCBAUCAA35AwD+AgIF",
  "/Pz8/fT0+PoEDxn/+/j6/f0CCgYBBgP/+fb9Af/7+wD/AgMA//Hs7f0WG/Dv8P8SFxgLBPry5AL//f0A/gf4//3/AP//",
  "Afz8/vz47/r/BxL8APz+AAD++v4AAgUC/fn1+fz8+/z/AAEA/fTz8vQAH/D19PYEGREIAvrx5wH9/Pr6///+AP7+/vr8",
  "CAMBBAMB/vj++gX3CgkJCAoE6/QhJRUI++/j2P0E//0BAgQEAfv7/QEEEPf5/AIHEwsIBQH69AMCAgH+AecVDw4E+/n3",
  "AwICAgAA/v4AAgQL/fn5+/z+EAsAAgMBAgMB/QUBAP//AP8BB/f6AgQJCvn6AgYIBwkFAwH9+wICAQICAQj8AgD+AgED",
  "AP4A/P/8+/0CBwwF/fv8/f0BCQb+AQAAAAMBAAIB/wD//wD/A/b1/AgLCvf3/AgJCQwGBAD59QH/AAMB/gb8AQH/AP8C",
  "/fz7/Pb8/P4GCxMBAfz7/fwBCAUDAwEA/vv/AAH+//8BAgEA/vn29wMLCvr3+AMKCQ0GBP758QMA/v8A/gT9AP7/AQEA",
  "AP4A//75/f0ABAr/APz+/QABAgL/AgIB/vz+AAL8/P8AAQP//vn29fsMEPn4+PwJDQsFAv758gL+/f7/AQT+///+////",
  "///8APz6+P8ABAz///wAAAD///8DCAIA/fn5+/78/v7+AgEAAfr5+foCEPn5+PwDDgkGAPz39gL//f39AP4B/v8A////",
  "///+///8+/v/Agn9AQEAAP/+/P4AAgAAAPz8/AAB/gH+AAD++/n9+/z+DPj8+v0ADAgDAP769P////79AAP9AP/+//39",
  "/v73+vv++/wEBg/9AQECAQD/+Pz+AgIC//37+QH/////AP/9/Pz9/vz+BPv9/f3/BAcCAP349v8C/v37/gP+AgEA/fn7",
  "FhMSEgwKBf3y6ef9DQoJCg0I8PknKxsK/vDn2v4CAAACBwgLCf39AggNE/v8AQgPFgYGCAcGAwUHBQcHBeYYEhIFAv7+",
];

const WEIGHTS = Int32Array.from(ROWS.flatMap((row) => Array.from(atob(row), weightOf)));

/** A copy to learn in. */
export function priorWeights(): Int32Array<ArrayBuffer> {
  return WEIGHTS.slice();
}

function weightOf(character: string): number {
  return ((character.charCodeAt(0) << 24) >> 24) * (LOG_ODDS_ONE / 32);
}
