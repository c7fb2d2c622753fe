// Where the weights of the code model start: what feature maps after a ReLU have in common. Fitted by
// test/bench/codec/fit-prior.ts on 400 images of cifar100's calibration half, 2 layers. It is part of the coder: another
// prior is another coder.
import { LOG_ODDS_ONE } from "./logistic.ts";

/** A row a decision, in base64; each byte a weight, signed, in 1/32. */
const ROWS = [
  "5AAAAPIA/gQGBhEC//r8AAQDAfcFBgD/8/P2D//2AAYI9PYAB+QAAAAAEecAAAAADgQAAAAA8f0AAAAA+BHvAQD2//8A",
  "7wD8AwMFAf8BAhADB//+AAMEAfsGEwoC/Pn3+gfp8vn/BAkOFd0AAAkAJN8AAAsAIRAAAAMA9wEAAAUABBbyCwn1/fwA",
  "+QEFBgYFAP7/AREGCQEBBAUGBfkJGQ0E/vr4/A3m8fkBBgwSGtXz/g8cLNz3AQ0ZJBgLCQP88gAGBgcGBRzyDQv1AgEA",
  "9wMFBwUFAv3/ARAGCAEBBAcFBfoKGAwE/vr4/A/l8PgBBgsTHtXz/g0eLdr3/w0bJhcMCQT98wMFBQYHBB/wDQv1AgEA",
  "+AD2/v78/gEFBRD/Av79/wIDAP8ADAL9+vn8BAIIBAH//fz7/fAAAPsAFPEAAPsAEgkAAP0A+AAAAP4AAA31AgH+/v0A",
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "+u/1+vz+AAMEBQ39APv7/QACAPv8BAP9+fj4AgAMAwD7+vj3+O3u8vsOFezx9vwMEQkCAPr57v7+/fsA9w7y/v/5+/oA",
  "/Pj6/P4BAAADBg/9A//+AAIBAf/6/f7+AAEFBgQGAgD9/f38AfP0+gQMD/T3+wQJDQoCA//89gD/AAABAA33AgH8//8A",
  "BwEFAwIC//369fcA/v38/gEC/wAJCwcA+vX0+vwKBgIB/vv69vL3+P0FFPH0+P8HFAUAAP/+9gD+/f4A/gP6AwP+/PsA",
  "/fj9/wABAgIDBgkBAQIBAgECAP/8/wAAAgQEAwQEAgEA/v8AAvv8AQUFB/z9AgQEBgYDAgP+/QICAgIBAAf8AwL/AAEA",
  "/P39/v3/AQEBAwcAAv/+AAD+/v/+//79/f8CBgEDAgAA//78/fn5+/8HCfn8/f4FBwQCAP/++gD+/wAB/wX8Af7+//8A",
  "AP7////9/f8A/wMBAf79/gD///77/v79/v8ABgACAgL//v79+fr7/P0ACfn7+/4BCQQAAP78+f4A/f///gb6APz9//4A",
  "Ew4PDA0IBP305+AE/gD/AQQHAv8WGxQG+vLs6v0BAAECAwMDAvj5/QMLEvb4/QMMEwMDAQMEAQQAAQMEAvILBgcCAQAA",
  "AP4AAQIB//8CAgD/Av8BAQEBAAD/AQEAAAEAAAIB////AAAAA/r9AQIEBf3/AAEDAwQBAQL+/gEC/wAC/wT+AQD/AQEA",
  "//79/wEB//8BAgMA//7/AQAA/wL/AAD//wECAQEB/wD//wH/Af38/gIDBP38/wIDAgICAP/+/v8AAAAB/wP+AP//AQAA",
  "/v3+////AAACAQUAAP//AAH//gL+AP//AAABAQECAQD/AP////39/v8EA/3+/QECBAECAP///f8AAAAAAAP+AAD/AAAA",
  "APz///8AAP8BAgQAAAD+/v8BAwD9AAD//f8BBQABAQABAAD//Pz9/QADBf39/v8CBAL/AAAB/QD//wEB/wP8AQAA//4A",
  "Af8BAAD//wH+///+AgD//wD/AP7//v/+//8ABAADAAAA///+/fz9//0CBf39/v8BBQECAP7//f8AAP4A/gL+AP/+//8A",
  "/v/+/v39AAAAAwUCBf4A/wAA/PoD//79AP7+Af8BAQABAP/8/f7+/v7/A//8/v4AAgEAAAD+/AH////+/wH9Af8A//0A",
  "APsBAP8B///+AQP//QH//////wP8/v7+AAEBAQADAwEA//39/P7+/f7/A/0A/v//AgEA/wD+/AD9Af///wP8AQAA/vwA",
  "GhYUEw4OCADy5dQCAQQCBAYKAwUiJxoM/vHn4QH9/QADCQkMDPv/AggPFPn9AAkSFQUEBQgJBwUFBQcJB+wUCg8GBAMA",
];

const WEIGHTS = Int32Array.from(ROWS.flatMap((row) => Array.from(atob(row), weightOf)));

/** A copy to learn in. */
export function priorWeights(): Int32Array<ArrayBuffer> {
  return WEIGHTS.slice();
}

function weightOf(character: string): number {
  return ((character.charCodeAt(0) << 24) >> 24) * (LOG_ODDS_ONE / 32);
}
