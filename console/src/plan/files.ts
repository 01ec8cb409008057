// Sends a file of a scenario where the API says: to a path of its own at home, to a
// signed address elsewhere.
import { ApiError, ask, seg } from '../api/client';
import type { Upload } from '../api/types';

export async function sendFile(test: string, file: File): Promise<void> {
  const told = await ask<Upload>(`/scenarios/${seg(test)}/files`, { method: 'POST', body: { name: file.name } });
  if (told.url.startsWith('/scenarios/')) {
    await ask(told.url, { method: 'PUT', file });
    return;
  }
  const answer = await fetch(told.url, { method: told.method, body: file });
  if (!answer.ok) throw new ApiError(answer.status, '', `The storage refused ${file.name} with status ${answer.status}. Try again; its address is good for some minutes only.`);
}
