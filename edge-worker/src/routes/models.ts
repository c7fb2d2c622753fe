// `GET /v1/models`: what runs here and how accurate it was measured to be.
import { LARGE_MODEL_NAME } from "../cloud/large-route.ts";
import type { ModelBundle } from "../inference/model-bundle.ts";

export function describeModels({ hash, manifest, calibration }: ModelBundle) {
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
          temperature: calibration.exits[index].temperature,
        })),
        cloud: { [LARGE_MODEL_NAME]: { multiplyAdds: cloud.large.multiplyAdds, parameters: cloud.large.parameters } },
        accuracy: manifest.accuracy,
        calibratedOn: calibration.fittedOn,
        training: manifest.training,
      },
    ],
  };
}
