// What the rule editor asks, previews and changes.
import { graphql } from "../../gql";

export const RuleById = graphql(`
  query RuleById($id: ID!) {
    node(id: $id) {
      __typename
      ... on Rule {
        id
        name
        enabled
        version
        updatedAt
        target { ...RuleTarget }
        conditions { ...RuleCondition }
      }
    }
  }
`);

export const RuleChanges = graphql(`
  query RuleChanges($rule: ID!, $first: Int!) {
    history(first: $first, filter: { rule: $rule, kinds: [RULE_CHANGED] }) {
      nodes {
        id
        at
        actor
        message
        ruleBefore { version name enabled conditions { ...RuleCondition } }
        ruleAfter { version name enabled conditions { ...RuleCondition } }
      }
    }
  }
`);

export const RuleTargets = graphql(`
  query RuleTargets {
    groups(first: 250) { nodes { id name managed place { name } } }
    locks(first: 250) { nodes { id name place { name } } }
  }
`);

export const OfferingChoices = graphql(`
  query OfferingChoices($search: String, $kinds: [OfferingKind!]) {
    offerings(first: 50, filter: { search: $search, kinds: $kinds }) {
      totalCount
      nodes { id name kind source { name } }
    }
  }
`);

export const LocationChoices = graphql(`
  query LocationChoices {
    locations(first: 250) { totalCount nodes { id name source { name } } }
  }
`);

export const TagMembers = graphql(`
  query TagMembers($tag: String!) {
    members(first: 0, filter: { tag: $tag }) { totalCount }
  }
`);

/** The names of what a prefilled rule refers to. */
export const PrefillNames = graphql(`
  query PrefillNames($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      ... on Offering { id name }
      ... on Location { id name }
      ... on Group { id name managed }
      ... on Lock { id name }
    }
  }
`);
