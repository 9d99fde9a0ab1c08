// The conditions of a rule: each with its form, and a button for each further type.
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { Icon } from "../../parts/icon";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { ConditionFields } from "./condition-fields";
import { CONDITION_TYPES, type Condition, newCondition } from "./draft";

/** The name of a condition's type in the paths of errors. */
const KEYS = {
  MembershipCondition: "membership",
  RegistrationCondition: "registration",
  PurchaseCondition: "purchase",
  TagCondition: "tag",
  ScheduleCondition: "schedule",
} as const;

interface Props {
  conditions: Condition[];
  onConditions: (conditions: Condition[]) => void;
  error: (path: string) => string | undefined;
}

export function Conditions({ conditions, onConditions, error }: Props) {
  const { rule } = useTexts();
  const { club } = useViewer();
  const problem = error("conditions");
  const replace = (at: number, condition: Condition) => onConditions(conditions.map((one, index) => (index === at ? condition : one)));
  return (
    <Card title={rule.conditions}>
      <p class="quiet small">{rule.conditionsHint}</p>
      {conditions.length === 0 && !problem && <p>{rule.noConditions}</p>}
      {problem && (
        <p class="condition-error" role="alert">
          <Icon name="bad" size={16} />
          {problem}
        </p>
      )}
      {conditions.map((condition, index) => (
        // A condition has no identity of its own; its fields hold no state that outlives its type.
        <One
          key={`${index}-${condition.__typename}`}
          condition={condition}
          onCondition={(changed) => replace(index, changed)}
          onRemove={() => onConditions(conditions.filter((_, at) => at !== index))}
          error={(field) => error(`conditions.${index}.${KEYS[condition.__typename]}.${field}`)}
        />
      ))}
      <div class="stack tight">
        <p id="add-condition">{rule.addCondition}</p>
        <div class="row" role="group" aria-labelledby="add-condition">
          {CONDITION_TYPES.map((type) => (
            <Button key={type} size="small" icon="add" onClick={() => onConditions([...conditions, newCondition(type, club.timeZone)])}>
              {rule.types[type]}
            </Button>
          ))}
        </div>
      </div>
    </Card>
  );
}

interface OneProps {
  condition: Condition;
  onCondition: (condition: Condition) => void;
  onRemove: () => void;
  error: (field: string) => string | undefined;
}

function One({ condition, onCondition, onRemove, error }: OneProps) {
  const { rule } = useTexts();
  const name = rule.types[condition.__typename];
  return (
    <section class="condition" aria-label={name}>
      <div class="row apart">
        <h3>{name}</h3>
        <Button size="small" variant="plain" onClick={onRemove} aria-label={rule.removeCondition(name)}>
          {rule.remove}
        </Button>
      </div>
      <p class="quiet small">{rule.typeHints[condition.__typename]}</p>
      <ConditionFields value={condition} onValue={onCondition} error={error} />
    </section>
  );
}
