// The tags of a condition. The API lists no tags, so the number of members who have one tells a misspelt one.
import { useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { Button } from "../../parts/button";
import { Field } from "../../parts/field";
import { useTexts } from "../../texts";
import type { FieldsProps } from "./condition-fields";
import { TagMembers } from "./operations";
import { Chips } from "./picker";

export function TagFields({ value, onValue, error }: FieldsProps<"TagCondition">) {
  const { fields } = useTexts().rule;
  const [typed, setTyped] = useState("");
  const add = () => {
    const tag = typed.trim();
    if (tag && !value.tags.includes(tag)) onValue({ ...value, tags: [...value.tags, tag] });
    setTyped("");
  };
  return (
    <>
      <Field label={fields.tags} hint={fields.tagsHint} error={error("tags")} required>
        {(control) => (
          <div class="duration">
            <input
              {...control}
              required={false}
              value={typed}
              maxLength={200}
              autoComplete="off"
              spellcheck={false}
              onInput={(event) => setTyped(event.currentTarget.value)}
              onBlur={add}
              onKeyDown={(event) => {
                if (event.key !== "Enter") return;
                event.preventDefault();
                add();
              }}
            />
            <Button onClick={add}>{fields.addTag}</Button>
          </div>
        )}
      </Field>
      {value.tags.map((tag) => (
        <Tag key={tag} tag={tag} onRemove={() => onValue({ ...value, tags: value.tags.filter((one) => one !== tag) })} />
      ))}
    </>
  );
}

function Tag({ tag, onRemove }: { tag: string; onRemove: () => void }) {
  const { fields } = useTexts().rule;
  const { data } = useLive(TagMembers, { tag });
  return <Chips names={[{ id: tag, name: tag, note: data && fields.tagMembers(data.members.totalCount) }]} onRemove={onRemove} />;
}
