// What every page reads of a rule's conditions and target. Documents name these fragments; the generator adds them.
import { graphql } from "../gql";

export const RuleFragments = graphql(`
  fragment RuleCondition on Condition {
    __typename
    ... on MembershipCondition {
      offerings { id name }
      locations { id name }
      whenBlocked
      grace
    }
    ... on RegistrationCondition {
      offerings { id name }
      locations { id name }
      kinds
      opensBefore
      closesAfter
      span
      guests
      appliesToOngoing
    }
    ... on PurchaseCondition {
      offerings { id name }
      locations { id name }
    }
    ... on TagCondition {
      tags
    }
    ... on ScheduleCondition {
      days
      from
      until
      timeZone
      startDate
      endDate
    }
  }

  fragment RuleTarget on AccessTarget {
    __typename
    ... on Group { id name managed }
    ... on Lock { id name }
  }
`);
