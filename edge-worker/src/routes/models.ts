// `GET /v1/models`: what runs here and how accurate it was measured to be.
import type { Calibration } from "@spillway/shared/schema/calibration";
import { LARGE_MODEL_NAME } from "../cloud/large-route.ts";
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
        },
        accuracy: manifest.accuracy,
        calibratedOn: calibration.fittedOn,
        training: manifest.training,
      },
    ],
  };
}
