// Where the weights of the code model start: what feature maps after a ReLU have in common. Fitted by
// test/bench/codec/fit-prior.ts on 400 images of cifar100's calibration half, 2 layers. It is part of the coder: another
// prior is another coder.
import { LOG_ODDS_ONE } from "./logistic.ts";

/** A row a decision, in base64; each byte a weight, signed, in 1/32. */
const ROWS = [
  "3wAAAPIA/wUIBhEC//n7AAQEAfcFBwD/8vP1DwD1AAcI9PYABuEAAAAAEuUAAAAADwQAAAAA8PsAAAAA+BLuAQD1/v4A",
  "7QD7AwMGAv8CAhADB//+AAMEAfsGFAoC/Pj3+Qjo8fkABAkOFNwAAAkAJN4AAAsAIRAAAAMA9wEAAAQABBfxCwr0/fwA",
  "9wAFBwYFAf7/ABAGCQEAAwUGBfkJGQ0D/vr3+w7l8fkBBgwSGdTz/g8cLNv3AQ0ZJBgLCQP88f8GBgYGBRzxDgv0AQAA",
  "9gMFCAUFAv3/AQ8GCAAABAYFBfoJGAwE/vr3/A/k7/gBBgsTHdTz/g0eLNr3/wwaJhcMCAT88gMFBQYHBB/wDQv0AQAA",
  "+AD1/f78/gEFBRD/Av79/wICAP8ADAL9+fn8BAIHBAH//fz7/e8AAPoAFPAAAPsAEgkAAP0A9wAAAP4A/w31AgH9/v0A",
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "+u71+vz+AAMEBQ39APv7/P8CAPv8BAP8+ff4AgAMAwD7+vj3+O3t8vsPFevx9vwMEQkCAPr57f3+/fsA9w7y/v75+/kA",
  "+/j5/P4BAAACBg/9A//+AAEAAf/6/f7+/wEFBgQGAv/9/f38APP0+QQMD/P3+wQJDQoCA//89gD//wAB/w33AQD8//4A",
  "BwEFAwIC//369PcA/v38/gAC/wAJCwcA+vX0+vwKBgIA/vv59fL2+PwFFPH0+P8HFAQAAP/+9gD+/f4A/gL6AwP+/PoA",
  "/fj9/gABAgIDBgkBAAIBAgEBAP/8/wAAAgQEAwQEAgAA/v4AAvv8AQUEBvz9AgQEBgYDAgL+/AECAQIBAAf8AwL+AAEA",
  "/P39/v3/AAEBAwcAAv/+AAD+/v/+//79/f8CBgEDAgAA//78/fn5+/8HCfn8/f4FBgQC///9+v/+/wAB/wX8Af79//8A",
  "AP7////9/f8A/wMBAf79/gD///77/v79/v//BgACAgL//v79+fn7/P0ACfn7+/4BCAQA//78+f4A/P///gb6APz9//4A",
  "Ew4PDA0IBPz05+AE/gD/AQQHAv8WGxMG+vLs6v0B/wECAwMDAvf5/QMKEvb4/QMMEgIDAQIDAQMAAQMDAfILBgcCAf8A",
  "AP4AAQEB//8BAgD/Av8BAAABAAD/AQEAAAEAAAIB/////wAAA/r9AQIEBf3/AAECAwMBAAL+/gAC/wAB/wT+AQD/AAEA",
  "/v79/wAB//8AAgMA//7/AQAA/wL/AAD//wABAQEB/gD//wH/Afz8/gEDBP38/wIDAgIC///+/f//AAAA/wP+AP/+AAAA",
  "/v3+//7/AAACAQUAAP///wH//gL+AP//AAABAQECAAD////+//39/v8EA/z+/QECBAECAP///f//AAAA/wP+AAD+//8A",
  "APv///8AAP8BAgQAAAD9/v4BAwD9AAD//f8BBQABAf8BAP///Pz9/f8DBf39/v8CBAH/AAAA/P/+/gEB/wP8AQAA//4A",
  "Af4BAAD//wH+/v/+AgD//wD/AP7//v/+//4AAwADAAAA///+/fz8//0CBfz9/v8BBQEBAP7//f8AAP4A/gL+AP/+//8A",
  "/v/+/v39/wAAAwUCBf4A/wAA/PoD//79AP7+Af4BAQABAP/8/f7+/v7/A//8/v4AAgH/AAD+/AD///7+/wH9Af////0A",
  "APsBAP8B///+AQP//QH//////wP8/v7+AAEBAQADAwH///39/P7+/f7/A/0A/v7/AgAA/wD+/AD8Af///gP8AQD//vwA",
  "GhYUEw4OCADy5dQCAQQCBAYKAwUiJxoM/vHn4QH9/QADCQkMDPv/AggPFPn9AAkSFAQEBQgJBwUFBQcJB+wUCg8GAwMA",
];

const WEIGHTS = Int32Array.from(ROWS.flatMap((row) => Array.from(atob(row), weightOf)));

/** A copy to learn in. */
export function priorWeights(): Int32Array<ArrayBuffer> {
  return WEIGHTS.slice();
}

function weightOf(character: string): number {
  return ((character.charCodeAt(0) << 24) >> 24) * (LOG_ODDS_ONE / 32);
}
