// Keeps a draft with its new files: files first, since a scenario that names a file is
// refused without it. A new scenario gets its id here, and is kept before it runs.
import { useRef } from 'react';
import { upload } from '../../api/files';
import { calls, useChange } from '../../api/queries';
import type { ScenarioRecord } from '../../api/types';
import { completed, newId } from '../../plan/draft';
import { room } from '../../plan/start';
import type { Fields } from '../../plan/words';
import { withMode, type Mode } from './When';

export function useKeep(test: string) {
  // A second try changes what the first one kept.
  const id = useRef(test);
  const sent = useRef(new Set<File>());
  // What a new scenario is called once its files are sent.
  const chosen = useRef('');
  const keep = useChange(async ({ draft, mode, files }: { draft: Fields; mode: Mode; files: File[] }): Promise<ScenarioRecord> => {
    const body = { ...completed(draft), regionalTaskDetails: await room() };
    const waiting = files.filter((file) => !sent.current.has(file));
    if (waiting.length > 0) {
      const wanted = id.current || (chosen.current ||= newId());
      for (const file of waiting) {
        await upload(wanted, file);
        sent.current.add(file);
      }
    }
    if (!id.current && chosen.current) id.current = (await calls.keep({ ...withMode(body, 'save'), testId: chosen.current })).testId;
    return calls.keep({ ...withMode(body, mode), ...(id.current ? { testId: id.current } : {}) });
  });
  /** Whether a new scenario is kept although it was refused to run. */
  return { keep, keptAs: () => (test === '' ? id.current : '') };
}
