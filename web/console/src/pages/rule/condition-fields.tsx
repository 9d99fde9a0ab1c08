// The forms of the five types of conditions.
import { CheckField, SelectField } from "../../parts/field";
import { useTexts } from "../../texts";
import type { Condition, ConditionOf, ConditionType } from "./draft";
import { DurationField } from "./duration";
import { Fieldset, LocationPicker, OfferingPicker } from "./picker";
import { ScheduleFields } from "./schedule-fields";
import { TagFields } from "./tag-fields";

export interface FieldsProps<Type extends ConditionType> {
  value: ConditionOf<Type>;
  onValue: (value: ConditionOf<Type>) => void;
  /** The error of a field of this condition. */
  error: (field: string) => string | undefined;
}

const BOOKABLE = ["CLASS", "APPOINTMENT", "COURSE", "ROOM", "DESK", "OFFICE", "EQUIPMENT", "PARKING", "RESOURCE"] as const;

interface Props {
  value: Condition;
  onValue: (value: Condition) => void;
  error: FieldsProps<ConditionType>["error"];
}

export function ConditionFields({ value, onValue, error }: Props) {
  switch (value.__typename) {
    case "MembershipCondition":
      return <MembershipFields value={value} onValue={onValue} error={error} />;
    case "RegistrationCondition":
      return <RegistrationFields value={value} onValue={onValue} error={error} />;
    case "PurchaseCondition":
      return <PurchaseFields value={value} onValue={onValue} error={error} />;
    case "TagCondition":
      return <TagFields value={value} onValue={onValue} error={error} />;
    case "ScheduleCondition":
      return <ScheduleFields value={value} onValue={onValue} error={error} />;
  }
}

function MembershipFields({ value, onValue, error }: FieldsProps<"MembershipCondition">) {
  const { fields } = useTexts().rule;
  const blocked = (["DENY", "ALLOW", "GRACE"] as const).map((policy) => ({ value: policy, label: fields.blocked[policy] }));
  const setBlocked = (policy: string) => {
    const whenBlocked = blocked.find((one) => one.value === policy)?.value ?? "DENY";
    onValue({ ...value, whenBlocked, grace: whenBlocked === "GRACE" ? (value.grace ?? "P3D") : null });
  };
  return (
    <>
      <OfferingPicker
        kinds={["MEMBERSHIP"]}
        label={fields.memberships}
        hint={fields.membershipsHint}
        error={error("offerings")}
        chosen={value.offerings}
        onChosen={(offerings) => onValue({ ...value, offerings })}
      />
      <LocationPicker error={error("locations")} chosen={value.locations} onChosen={(locations) => onValue({ ...value, locations })} />
      <SelectField label={fields.whenBlocked} hint={fields.whenBlockedHint} required value={value.whenBlocked} onValue={setBlocked} options={blocked} />
      {value.whenBlocked === "GRACE" && (
        <DurationField label={fields.grace} hint={fields.graceHint} error={error("grace")} value={value.grace} onValue={(grace) => onValue({ ...value, grace })} />
      )}
    </>
  );
}

function RegistrationFields({ value, onValue, error }: FieldsProps<"RegistrationCondition">) {
  const { fields } = useTexts().rule;
  return (
    <>
      <OfferingPicker
        kinds={[...BOOKABLE]}
        label={fields.bookables}
        hint={fields.bookablesHint}
        error={error("offerings")}
        chosen={value.offerings}
        onChosen={(offerings) => onValue({ ...value, offerings })}
      />
      <Kinds value={value} onValue={onValue} error={error} />
      <LocationPicker error={error("locations")} chosen={value.locations} onChosen={(locations) => onValue({ ...value, locations })} />
      <div class="pair">
        <DurationField
          label={fields.opensBefore}
          hint={fields.opensBeforeHint}
          error={error("opensBefore")}
          value={value.opensBefore}
          onValue={(opensBefore) => onValue({ ...value, opensBefore })}
        />
        <DurationField
          label={fields.closesAfter}
          hint={fields.closesAfterHint}
          error={error("closesAfter")}
          value={value.closesAfter}
          onValue={(closesAfter) => onValue({ ...value, closesAfter })}
        />
      </div>
      <SelectField
        label={fields.span}
        required
        value={value.span}
        onValue={(span) => onValue({ ...value, span: span === "DAY" ? "DAY" : "BOOKING" })}
        options={(["BOOKING", "DAY"] as const).map((span) => ({ value: span, label: fields.spans[span] }))}
      />
      <CheckField label={fields.guests} isChecked={value.guests} onChecked={(guests) => onValue({ ...value, guests })} />
      <CheckField
        label={fields.ongoing}
        hint={fields.ongoingHint}
        isChecked={value.appliesToOngoing}
        onChecked={(appliesToOngoing) => onValue({ ...value, appliesToOngoing })}
      />
    </>
  );
}

function Kinds({ value, onValue, error }: FieldsProps<"RegistrationCondition">) {
  const { fields } = useTexts().rule;
  return (
    <Fieldset label={fields.kinds} hint={fields.kindsHint} error={error("kinds")}>
      <ul class="choosable columns">
        {BOOKABLE.map((kind) => (
          <li key={kind}>
            <label>
              <input
                type="checkbox"
                checked={value.kinds.includes(kind)}
                onChange={(event) => {
                  const others = value.kinds.filter((one) => one !== kind);
                  onValue({ ...value, kinds: event.currentTarget.checked ? [...others, kind] : others });
                }}
              />
              <span>{fields.kindNames[kind]}</span>
            </label>
          </li>
        ))}
      </ul>
    </Fieldset>
  );
}

function PurchaseFields({ value, onValue, error }: FieldsProps<"PurchaseCondition">) {
  const { fields } = useTexts().rule;
  return (
    <>
      <OfferingPicker
        kinds={["BILLING_ITEM"]}
        label={fields.items}
        hint={fields.itemsHint}
        error={error("offerings")}
        chosen={value.offerings}
        onChosen={(offerings) => onValue({ ...value, offerings })}
      />
      <LocationPicker error={error("locations")} chosen={value.locations} onChosen={(locations) => onValue({ ...value, locations })} />
    </>
  );
}
