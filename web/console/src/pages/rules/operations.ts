// What the list of rules asks.
import { graphql } from "../../gql";

export const RuleList = graphql(`
  query RuleList($first: Int, $after: String, $filter: RuleFilter) {
    rules(first: $first, after: $after, filter: $filter) {
      totalCount
      nodes {
        id
        name
        enabled
        updatedAt
        target { ...ListedTarget }
        conditions { ...ListedCondition }
      }
      pageInfo { hasNextPage endCursor }
    }
  }

  fragment ListedCondition on Condition {
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

  fragment ListedTarget on AccessTarget {
    __typename
    ... on Group { id name managed }
    ... on Lock { id name }
  }
`);
