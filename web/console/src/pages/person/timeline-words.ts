// A segment of the timeline in words.
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { type Period, type Segment, endsOf } from "./timeline-rows";

export interface Words {
  time: (segment: Segment) => string;
  causes: (segment: Segment) => string;
}

export function useWords(period: Period): Words {
  const { personTimeline, access } = useTexts();
  const format = useFormat();
  return {
    time: (segment) => {
      const { from, until } = endsOf(segment, period);
      return from || until ? format.span(from, until) : personTimeline.whole;
    },
    causes: ({ rules, shares }) => {
      const names = rules.map(({ name }) => access.rule(name));
      const notes = shares.map(({ note }) => (note ? `${access.share} (${note})` : access.share));
      return format.list([...names, ...notes]);
    },
  };
}
