// Live data on AWS: the API names a scenario's topics and lets the caller watch them, and
// the browser subscribes there. Signing the broker's address is `aws`'s.
import { ask, seg } from '../api/client';
import { keepUp, type LiveListener, type LiveSource } from './live';
import { tellMessage } from './message';
import { subscribe } from './mqtt';

interface Topics {
  endpoint: string;
  topics: string[];
}

/** Live data of topics. `presign` makes the address of a broker's WebSocket, which holds the right to open it. */
export function topicSource(presign: (host: string) => Promise<string>, open = subscribe): LiveSource {
  const once = async (testId: string, listener: LiveListener, stop: AbortSignal, heard: () => void) => {
    // Asked each time: a policy that was taken away meanwhile is attached again.
    const { endpoint, topics } = await ask<Topics>(`/scenarios/${seg(testId)}/live`, { signal: stop });
    const url = await presign(endpoint);
    const message = (payload: Uint8Array) => {
      heard();
      tellMessage(payload, listener);
    };
    await open({ url, topics, message, stands: () => listener.line(true) }, stop);
  };
  return {
    // A topic keeps nothing.
    repeats: false,
    listen: (testId, listener) => keepUp(listener, (stop, heard) => once(testId, listener, stop, heard)),
  };
}
