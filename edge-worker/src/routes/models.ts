// `GET /v1/models`: what runs here and how accurate it was measured to be.
import type { Calibration } from "@spillway/shared/schema/calibration";
import type { TailModel } from "@spillway/shared/schema/manifest";
import { settingName } from "@spillway/shared/split/setting";
import { LARGE_MODEL_NAME } from "../cloud/large-route.ts";
import { TAIL_MODEL_NAME } from "../cloud/tail-route.ts";
import type { ModelBundle } from "../inference/model-bundle.ts";

/** @param calibration the one in force */
export function describeModels({ hash, manifest }: ModelBundle, calibration: Calibration) {
  const { edge, cloud } = manifest;
  return {
    models: [
      {
        id: hash,
        name: manifest.name,
        labels: manifest.labels,
        input: { width: edge.preprocessing.width, height: edge.preprocessing.height, fit: edge.preprocessing.fit },
        exits: edge.stages.map((stage, index) => ({
          exit: index + 1,
          multiplyAdds: stage.multiplyAdds,
          parameters: stage.parameters,
          calibrator: calibration.exits[index],
        })),
        cloud: {
          [LARGE_MODEL_NAME]: {
            multiplyAdds: cloud.large.multiplyAdds,
            parameters: cloud.large.parameters,
            calibrator: calibration.cloud,
          },
          [TAIL_MODEL_NAME]: cloud.tail === null ? null : describeTail(cloud.tail, calibration),
        },
        accuracy: manifest.accuracy,
        calibratedOn: calibration.fittedOn,
        training: manifest.training,
      },
    ],
  };
}

function describeTail({ multiplyAdds, parameters, settings }: TailModel, { tail }: Calibration) {
  return {
    multiplyAdds,
    parameters,
    settings: settings.map((setting, index) => ({
      setting: settingName(setting),
      rawBytes: setting.rawBytes,
      /** Null where the calibration knows nothing of the tail: then `auto` does not choose it. */
      frameBytes: tail?.[index].frameBytes ?? null,
      gainShare: tail?.[index].gainShare ?? null,
      calibrator: tail?.[index].calibrator ?? null,
    })),
  };
}
