// What stands where the content would: loading, nothing there, or an error with what to do about it.
import type { ComponentChildren } from "preact";
import type { Failure } from "../api/failure";
import type { MutationState } from "../api/use-mutation";
import type { LiveResult } from "../api/use-live";
import { useTexts } from "../texts";
import type { Tone } from "./badge";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";

export function Loading() {
  const { common } = useTexts();
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" />
      {common.loading}
    </p>
  );
}

interface EmptyProps {
  title: string;
  icon?: IconName;
  /** What it means, and what to do. */
  children?: ComponentChildren;
}

export function EmptyState({ title, icon = "info", children }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} size={28} />
      <strong>{title}</strong>
      {children}
    </div>
  );
}

interface NoticeProps {
  tone: Exclude<Tone, "neutral">;
  title?: ComponentChildren;
  role?: "alert" | "status";
  children?: ComponentChildren;
}

/** A message in the page: what is the case, and what to do. */
export function Notice({ tone, title, role, children }: NoticeProps) {
  const { common } = useTexts();
  return (
    <div class="notice" data-tone={tone} role={role}>
      <Icon name={tone} />
      <div>
        {title ? <strong>{title}</strong> : <span class="unseen">{common.tone[tone]}:</span>}
        {children}
      </div>
    </div>
  );
}

/** Text of the server, which is English in every language of the console. */
export function ServerText({ children }: { children: ComponentChildren }) {
  return <span lang="en">{children}</span>;
}

export function ErrorBox({ failure, retry }: { failure: Failure; retry?: () => unknown }) {
  const { errors, common } = useTexts();
  const { title, action } = errors[failure.kind];
  return (
    <Notice tone="bad" title={title} role="alert">
      {failure.detail && (
        <p>
          <ServerText>{failure.detail}</ServerText>
        </p>
      )}
      <p>{action}</p>
      {failure.requestId && <p class="quiet small">{errors.requestId(failure.requestId)}</p>}
      {retry && (
        <Button size="small" onClick={() => void retry()}>
          {common.retry}
        </Button>
      )}
    </Notice>
  );
}

/** Why a mutation changed nothing; empty while it has no errors. Put it above the button that runs the mutation. */
export function ErrorSummary({ of: { userErrors, failure } }: { of: Pick<MutationState<unknown, unknown>, "userErrors" | "failure"> }) {
  const { common } = useTexts();
  if (failure) return <ErrorBox failure={failure} />;
  if (userErrors.length === 0) return null;
  return (
    <Notice tone="bad" title={common.correct(userErrors.length)} role="alert">
      <ul>
        {userErrors.map(({ code, message, field }) => (
          <li key={code + field?.join(".")}>
            <ServerText>{message}</ServerText>
          </li>
        ))}
      </ul>
    </Notice>
  );
}

interface LoadedProps<Data> {
  result: LiveResult<Data>;
  /** Stands for the whole window, outside of the frame. */
  isWhole?: boolean;
  children: (data: Data) => ComponentChildren;
}

/** The content of a query once it is there, its loading before, and its error beside or instead of it. */
export function Loaded<Data>({ result: { data, failure, refetch }, isWhole = false, children }: LoadedProps<Data>) {
  const state = failure ? <ErrorBox failure={failure} retry={refetch} /> : !data && <Loading />;
  return (
    <>
      {isWhole && state ? <main class="page">{state}</main> : state}
      {data && children(data)}
    </>
  );
}
