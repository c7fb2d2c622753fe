// The `--method` of the commands that calibrate.
import {
  CALIBRATION_METHODS,
  type CalibrationMethod,
  chooseCalibrationMethod,
} from "@spillway/shared/calibration/fit-calibrator";
import type { Values } from "@spillway/shared/calibration/row-major";

export const METHOD_CHOICES = [...CALIBRATION_METHODS, "auto"] as const;
export type MethodChoice = (typeof METHOD_CHOICES)[number];

export const METHOD_HELP = `  --method METHOD        temperature (default), vector, isotonic, or auto: the best cross-validated likelihood,
                         chosen again in each fold for what is reported: 66 fits where a method takes 6
`;

/** The method to use, and the cross-validated NLL of all of them where it had to be chosen. */
export function chosenMethod(
  choice: MethodChoice,
  logits: Values,
  labels: ArrayLike<number>,
  classes: number,
): { method: CalibrationMethod; nll: Record<CalibrationMethod, number> | null } {
  if (choice !== "auto") return { method: choice, nll: null };
  return chooseCalibrationMethod(logits, labels, classes);
}
