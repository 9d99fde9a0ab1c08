// A value that follows another one once it stays the same for a while: for queries that follow typing or a slider.
import { useEffect, useState } from "preact/hooks";

export function useDebounced<T>(value: T, pauseMs = 250): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return settled;
}
