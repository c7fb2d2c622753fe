// Where the weights of the code model start: what feature maps after a ReLU have in common. Fitted by
// test/bench/codec/fit-prior.ts on 400 images of the calibration half, layers of 64x8x8, 96x8x8, 32x16x16.
// It is part of the coder: another prior is another coder.
import { LOG_ODDS_ONE } from "./logistic.ts";

/** A row a decision, in base64; each byte a weight, signed, in 1/32. */
const ROWS = [
  "4wAAAPEE/gIIBxMABPv9/wAA//8DAQD9+fv8CAP2/P8A+PsFDeMAAAAAFuYAAAAAFAcAAAAA8vsAAAAA/xXuBAT4+v3/",
  "8wD8BP8E//wCBhsGCP79/wYFAf8FFgwD//359Q7l7/X+BAoSINkAAA4ALt0AABAAKBkAAAcA9AAAAAgADBvzDQv79/oE",
  "+f0EBAL+/foBDCcGCQH+AgYKBwEOHQ8FAPv2+BHj7/j/Bw0WJdHrABYoMNLyBBUkKCIVDQX46QIFBwoLBh/yDwz3/f8K",
  "9v4BAgH+/P4EDikHBgEABQkJBgAPGxAGAPv2+xLj7vf/Bg0XKM7vAhYnL9P0BRcjJiQTDQT56wIEBgsNCCHxDQ36/P8K",
  "/wD4AgD2+f4CBBL7BQMEAwL6/PsADwL69/n9BgUMCAP++/r4+OYAAPQAJOYAAPcAHw8AAP4A8PwAAP0ABBPxBgYC/fvz",
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "9Oft8fP1+QAIFSr5/wH+/v/6+Pj+DAX+9/Px+AELAf36+ff39unh6fgZHefm7fgWFxEIBPXz2/z5+vcD+A30AwD9+fjs",
  "/fT29vf7/P8JEh7+BQMB/wD9/gD7Av/8/AAHBQUIBAP//Pv6++jl8gocHOjq9AwZFhgLBv705v/8/gIEAhL0BQMA/f36",
  "Bf8CAgAA+/n4+gP8AP7/AAL8/fsIDwoB+vXv7/0NBQH///r28vHz9PkDG+/w9fsGGwgDAv737QD7/Pz9AAD9CAcB/Prs",
  "/fT4+f3+AQMIDhEDAwMBAAD//wH/AP//AAMFAwYIBQL//f39//LxAwsNC/TzAwwKCQ8HBP/69QD+AgQDAQ35BQUB/v78",
  "//z9/fn6/P4CCA/+AgEA/////wD/AgD9/PwBBQECAgIBAPz8+vTz9P8PE/b19/0PDgwGA/748f/7/QADAgf6AwAA/v78",
  "BAAAAQD9+/v8/gP9AQD/AP/+/v79/wD//v/8Af8BAgEA/v77+vf39/oBFfX3+foCEwcDAv758v/+/Pz/AQT7AQD///z6",
  "DgcICQgGA/z38O8CAQADBAP/AvwXHBQG+/Pq4/4EAAIBAwIA//r7/QAGEfj6/AEJEgQDAwEB/QMAAAICAu8PDAoGAf/v",
  "AvwAAQEAAQEDAwACAQMAAQEAAf8DAwIBAgEA/AQCAf///gEABfX3BAcJB/b5BgcIBAoEAgH8+/8AAgEEAgf9BAIB/gAA",
  "AP39+v///gIDBAcAAQD/AQEA/gH/Av7/AAEBAQEDAQH///7/Aff2/QYJCPn3/QYHBgkEAQD7+AD+/wICAAX8AgABAP//",
  "/fz8/fr9//8ECAz+AAH//wEA/wD/Af/+/gABAQEDAgIA//79/fr6+gEJCPr7/AEHBQgDAf78+P///gACAAX8AgH////9",
  "Af//AP78/v7/AwYAAf8A/wAA/wH+Af///v8AAwAAAQEBAP///Pv4+v0JCvr6/fwHCQUDAv/8+P///gAAAgT8AQAB/v/+",
  "Af4BAv//+//+AAL+Af///wD//wAAAAH//f79AgAD/////////fz6+/wCDPr6/f0CCwUCAP/9+f/+/v4AAQH/AAEA//7+",
  "AAABAf/+//3+/gP+A/8A/v/+//8DAAD/AP/9/P8AAAMB//79/Pz8/P4ACP36/f7/CAECAQD8+gD//v7/Af8AAgD///78",
  "APn+AP0A/f4AAgX9/QAAAf//AP/8AQH//wD//f8EAwH+//38+v3//PwABPz//v7+AwEAAf/7+wD//v7+/wH+BAQA/vz4",
  "FhQREQ4LCP7z6N4DAgUEBgYEAwEhKBsL//Lm3QH//QEDBgcKC/0AAQcMEvv+AQYOFQMFBQgIBgQFBgUIB+oWDg8GBgT1",
];

const WEIGHTS = Int32Array.from(ROWS.flatMap((row) => Array.from(atob(row), weightOf)));

/** A copy to learn in. */
export function priorWeights(): Int32Array<ArrayBuffer> {
  return WEIGHTS.slice();
}

function weightOf(character: string): number {
  return ((character.charCodeAt(0) << 24) >> 24) * (LOG_ODDS_ONE / 32);
}
