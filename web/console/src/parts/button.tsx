// Buttons, and links that look like them.
import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { Link } from "../router/router";
import { Icon, type IconName } from "./icon";

interface Look {
  variant?: "primary" | "danger" | "plain";
  size?: "small";
  icon?: IconName;
  children: ComponentChildren;
}

type ButtonProps = Look & Omit<ButtonHTMLAttributes, "icon" | "size" | "type" | "disabled"> & {
  type?: "button" | "submit";
  disabled?: boolean;
  /** Shows that its work is under way; presses do nothing meanwhile. */
  isBusy?: boolean;
};

const classOf = ({ variant, size }: Omit<Look, "children">) => ["button", variant, size].filter(Boolean).join(" ");

export function Button({ variant, size, icon, isBusy = false, disabled = false, type = "button", onClick, children, ...props }: ButtonProps) {
  return (
    <button
      {...props}
      type={type}
      class={classOf({ variant, size })}
      // A disabled button would lose the focus while it is busy.
      aria-disabled={isBusy || undefined}
      aria-busy={isBusy || undefined}
      disabled={disabled}
      onClick={(event) => {
        if (isBusy) event.preventDefault();
        else onClick?.call(undefined as never, event);
      }}
    >
      {isBusy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export function LinkButton({ to, variant, size, icon, children }: Look & { to: string }) {
  return (
    <Link to={to} class={classOf({ variant, size })}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}
