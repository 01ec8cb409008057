// A field for files, with the same words everywhere. What becomes of them is left to who
// uses it.
import FileUpload from '@cloudscape-design/components/file-upload';

interface Props {
  files: File[];
  change: (files: File[]) => void;
  isMany: boolean;
  accept?: string[];
  fault?: string | undefined;
  constraint?: string;
}

export function Choose({ files, change, isMany, accept, fault, constraint }: Props) {
  return (
    <FileUpload
      multiple={isMany}
      value={files}
      onChange={({ detail }) => change(detail.value)}
      showFileSize
      {...(accept ? { accept: accept.join(',') } : {})}
      {...(fault ? { errorText: fault } : {})}
      {...(constraint ? { constraintText: constraint } : {})}
      i18nStrings={{
        uploadButtonText: (many) => (many ? 'Choose files' : 'Choose a file'),
        dropzoneText: (many) => (many ? 'Drop files here' : 'Drop a file here'),
        removeFileAriaLabel: (at) => `Remove file ${at + 1}`,
        limitShowFewer: 'Show fewer',
        limitShowMore: 'Show more',
        errorIconAriaLabel: 'Error',
        warningIconAriaLabel: 'Warning',
      }}
    />
  );
}
