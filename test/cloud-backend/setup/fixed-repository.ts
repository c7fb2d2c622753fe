// Models that are simply there: real ones, of graphs that need no folder around them.
import { failure, success } from "../../../cloud-backend/src/errors.ts";
import type { Model } from "../../../cloud-backend/src/inference/model.ts";
import type { Repository } from "../../../cloud-backend/src/repository/repository.ts";

/** @param models the older versions of a name before the newer ones */
export function fixedRepository(models: readonly Model[]): Repository {
  const named = (name: string) => models.filter((model) => model.name === name);
  const fixed = async (name: string) => failure("bad-request", `${name} stays as it is`);
  return {
    find(name, version) {
      const model = named(name).findLast((candidate) => version === undefined || candidate.version === version);
      return model === undefined ? failure("not-found", `unknown model "${name}"`) : success(model);
    },
    versions: named,
    index: () => models.map(({ name, version }) => ({ name, version, state: "READY", reason: "" })),
    models: () => [...models],
    isReady: () => models.every((model) => model.isReady()),
    load: fixed,
    unload: fixed,
    async close() {
      await Promise.all(models.map((model) => model.stop()));
    },
  };
}
