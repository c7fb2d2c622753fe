// Talking to a running Worker.

export const DEFAULT_EDGE_URL = "http://127.0.0.1:8787";
const TIMEOUT_MS = 60_000;

/** @throws Error with one line that says where nothing answers */
export async function edgeFetch(url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    throw new Error(
      `${new URL(url).origin} does not answer (${cause?.code ?? (error as Error).message}); is it running (npm start), or elsewhere (--url)?`,
    );
  }
}

/** A problem document as one line. */
export async function problemText(response: Response): Promise<string> {
  const body = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
  return `${response.status} ${body.title ?? response.statusText}${body.detail === undefined ? "" : `: ${body.detail}`}`;
}
