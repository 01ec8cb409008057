// Live data at home: server-sent events, read from a streamed fetch rather than an
// EventSource, which can carry no token and says nothing of why it was refused.
import { seg, stream } from '../api/client';
import { keepUp, type LiveListener, type LiveSource } from './live';
import { tellEvent } from './message';

/** The server says something every 15 s; a line that is silent for longer is dead. */
const LONGEST_SILENCE_MS = 40_000;

export const serverSentEvents: LiveSource = {
  repeats: true,
  listen: (testId, listener) => keepUp(listener, (stop, heard) => once(testId, listener, stop, heard)),
};

async function once(testId: string, listener: LiveListener, stop: AbortSignal, heard: () => void): Promise<void> {
  const silence = new AbortController();
  const either = AbortSignal.any([stop, silence.signal]);
  let timer = setTimeout(() => silence.abort(new Error('nothing was heard for 40 s')), LONGEST_SILENCE_MS);
  try {
    const answer = await stream(`/scenarios/${seg(testId)}/live`, either);
    if (!answer.body) throw new Error('the server sent no stream');
    listener.line(true);
    const parser = new EventParser((name, data) => tellEvent(name, JSON.parse(data), listener));
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(new Error('nothing was heard for 40 s')), LONGEST_SILENCE_MS);
      parser.push(value);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Cuts a stream of server-sent events into events (WHATWG HTML, 9.2.6). */
export class EventParser {
  private rest = '';
  private name = '';
  private data: string[] = [];

  constructor(private readonly event: (name: string, data: string) => void) {}

  push(text: string): void {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.line(line);
  }

  private line(line: string): void {
    if (line === '') {
      if (this.data.length > 0) this.event(this.name || 'message', this.data.join('\n'));
      this.name = '';
      this.data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.name = value;
    else if (field === 'data') this.data.push(value);
  }
}
