// A comparison as people and scripts read it: shares of the optimum, and on how many traces the controller is ahead.
import { BUFFER, CONTROLLER, type LinkCell, RATE } from "./compare.ts";
import { type LinkScore, meanScore } from "./score.ts";

export interface RuleReport extends LinkScore {
  /**
   * Net gain over the optimum's, of all cells together; the mean of the traces' own shares beside it. Null where nothing
   * can be gained.
   */
  shareOfOptimum: number | null;
  meanShare: number | null;
}

export interface LinkReport {
  traces: number;
  cells: number;
  rules: Record<string, RuleReport>;
  /** Upper bound of the net gain a frame. */
  optimum: number;
  edgeAccuracy: number;
  /** The same with what the edge is right about anyway: (edge + net) / (edge + optimum). */
  controllerScoreWithEdge: number;
  /** Share of the traces on which the controller's net gain is above another's. */
  ahead: {
    /** Above all fixed options and both rules. */
    ofAll: number;
    /** Above the option that is best on all traces together. */
    ofBestFixed: number;
    /** Above whichever fixed option is best on the trace itself, known afterwards. */
    ofAnyFixed: number;
    ofRate: number;
    ofBuffer: number;
  };
  bestFixed: string;
  /** The controller's misses over those of the rate-based rule; null where that misses none. */
  missesAgainstRate: number | null;
}

export function reportOnCells(cells: readonly LinkCell[], edgeAccuracy: number): LinkReport {
  const traces = [...Map.groupBy(cells, ({ trace }) => trace).values()].map(traceScores);
  const optimum = meanOf(traces.map((trace) => trace.optimum));
  const names = Object.keys(traces[0].rules);
  const rules = Object.fromEntries(
    names.map((name): [string, RuleReport] => {
      const score = meanScore(traces.map((trace) => trace.rules[name]));
      const shares = traces
        .map((trace) => shareOf(trace.rules[name].net, trace.optimum))
        .filter((share) => share !== null);
      const meanShare = shares.length === 0 ? null : meanOf(shares);
      return [name, { ...score, shareOfOptimum: shareOf(score.net, optimum), meanShare }];
    }),
  );
  const fixed = names.filter((name) => name.startsWith("fixed "));
  const bestFixed = fixed.reduce((best, name) => (rules[name].net > rules[best].net ? name : best));
  const ahead = (others: readonly string[]) =>
    meanOf(traces.map(({ rules: own }) => (others.every((name) => own[CONTROLLER].net > own[name].net) ? 1 : 0)));
  const { net, missRate } = rules[CONTROLLER];
  return {
    traces: traces.length,
    cells: cells.length,
    rules,
    optimum,
    edgeAccuracy,
    controllerScoreWithEdge: (edgeAccuracy + net) / (edgeAccuracy + optimum),
    ahead: {
      ofAll: ahead([...fixed, RATE, BUFFER]),
      ofBestFixed: ahead([bestFixed]),
      ofAnyFixed: ahead(fixed),
      ofRate: ahead([RATE]),
      ofBuffer: ahead([BUFFER]),
    },
    bestFixed,
    missesAgainstRate: rules[RATE].missRate === 0 ? null : missRate / rules[RATE].missRate,
  };
}

/** One trace over all of its cells. */
export function traceScores(cells: readonly LinkCell[]): {
  trace: string;
  rules: Record<string, LinkScore>;
  optimum: number;
} {
  const names = Object.keys(cells[0].rules);
  return {
    trace: cells[0].trace,
    rules: Object.fromEntries(names.map((name) => [name, meanScore(cells.map(({ rules }) => rules[name]))])),
    optimum: meanOf(cells.map(({ optimum }) => optimum)),
  };
}

/** What share of the optimum's net gain this is; null where that is none, as where no answer can be in time. */
export function shareOf(net: number, optimum: number): number | null {
  return optimum > 0 ? net / optimum : null;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
