// The part that every kind of repository has in common: finding models by their names.
import { failure, type Outcome } from "../errors.ts";
import type { Model } from "../inference/model.ts";
import type { IndexEntry } from "./repository.ts";
import type { VersionedModel } from "./versioned-model.ts";

export abstract class ServedModels {
  protected readonly byName = new Map<string, VersionedModel>();

  find(name: string, version?: string): Outcome<Model> {
    return this.byName.get(name)?.find(version) ?? unknownModel(name);
  }

  versions(name: string): Model[] {
    return this.byName.get(name)?.served() ?? [];
  }

  models(): Model[] {
    return [...this.byName.values()].flatMap((model) => model.served());
  }

  index(): IndexEntry[] {
    return [...this.byName.values()].flatMap((model) => model.index());
  }
}

export function unknownModel(name: string): Outcome<never> {
  return failure("not-found", `unknown model "${name}"`);
}
