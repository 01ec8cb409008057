// The name of a file of the API, which saves it when it is clicked: a plain link at home,
// a signed request where links are refused.
import { useState } from 'react';
import { open } from '../api/client';
import { linkTo } from '../api/files';
import { save } from '../ui/save';
import { flashError } from './flash';

interface Props {
  path: string;
  query?: Record<string, string>;
  name: string;
  /** Shown by the browser where it can be, instead of saved. */
  isShown?: boolean;
}

export function Saved({ path, query = {}, name, isShown = false }: Props) {
  const [isSaving, setSaving] = useState(false);
  const link = linkTo(path, query);
  const style = { color: 'var(--p95)' };
  if (link !== undefined) {
    return (
      <a href={link} {...(isShown ? {} : { download: name })} style={style}>
        <bdi>{name}</bdi>
      </a>
    );
  }
  const click = () => {
    setSaving(true);
    open(path, { query })
      .then(async (answer) => save(name, await answer.blob()))
      .catch(flashError(`${name} was not saved`))
      .finally(() => setSaving(false));
  };
  return (
    <button type="button" className="link" disabled={isSaving} onClick={click}>
      <bdi>{name}</bdi>
    </button>
  );
}
