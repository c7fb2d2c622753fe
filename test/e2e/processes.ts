// The processes that a process has started, from /proc (Linux).
import { readdir, readFile } from "node:fs/promises";

const PAGE_BYTES = 4096;

export interface RunningProcess {
  pid: number;
  name: string;
  residentMegabytes: number;
}

/** Everything below a process, which is not itself among them. */
export async function processesBelow(root: number | undefined): Promise<RunningProcess[]> {
  const parents = new Map<number, number>();
  const processes: RunningProcess[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => null);
    if (stat === null) continue;
    const pid = Number(entry);
    const nameEnd = stat.lastIndexOf(")");
    const fields = stat.slice(nameEnd + 2).split(" ");
    parents.set(pid, Number(fields[1]));
    const residentMegabytes = (Number(fields[21]) * PAGE_BYTES) / 1e6;
    processes.push({ pid, name: stat.slice(stat.indexOf("(") + 1, nameEnd), residentMegabytes });
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === root || isBelow(parents.get(pid)));
  return processes.filter(({ pid }) => pid !== root && isBelow(pid));
}
