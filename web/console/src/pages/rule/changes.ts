// Previews, back-tests and edits of rules.
import { graphql } from "../../gql";

export const RulePreview = graphql(`
  query RulePreview($change: RuleChangeInput!, $first: Int!) {
    previewRule(change: $change) {
      basedOn
      effect
      gainCount
      lossCount
      gains(first: $first) { nodes { ...AccessChangeParts } }
      losses(first: $first) { nodes { ...AccessChangeParts } }
      removedCount
      removed(first: $first) { nodes { name email } }
      warnings { code message rule { id name } }
    }
  }

  fragment AccessChangeParts on AccessChange {
    member { id name }
    target { __typename ... on Group { id name } ... on Lock { id name } }
    before { from until }
    after { from until }
  }
`);

export const TargetNow = graphql(`
  query TargetNow($id: ID!) {
    node(id: $id) {
      ... on Group { id managed allowedMembers(first: 0) { totalCount } }
      ... on Lock { id allowedMembers(first: 0) { totalCount } }
    }
  }
`);

export const BacktestRule = graphql(`
  query BacktestRule($change: RuleChangeInput!, $from: DateTime!, $until: DateTime) {
    backtestRule(change: $change, from: $from, until: $until) {
      entryCount
      refusalCount
      unexplainedCount
      refusedEntryCount
      allowedRefusalCount
      refusedEntries { id at message member { id name } target { ... on Group { name } ... on Lock { name } } }
      allowedRefusals { id at message member { id name } target { ... on Group { name } ... on Lock { name } } }
      endsEarlyAt
    }
  }
`);

export const CreateRule = graphql(`
  mutation CreateRule($input: RuleInput!, $basedOn: String) {
    createRule(input: $input, basedOn: $basedOn) {
      rule { id name version }
      userErrors { code message field }
    }
  }
`);

export const UpdateRule = graphql(`
  mutation UpdateRule($rule: ID!, $input: RuleInput!, $basedOn: String) {
    updateRule(rule: $rule, input: $input, basedOn: $basedOn) {
      rule { id name version }
      userErrors { code message field }
    }
  }
`);

export const DeleteRule = graphql(`
  mutation DeleteRule($rule: ID!, $basedOn: String) {
    deleteRule(input: { rule: $rule, basedOn: $basedOn }) {
      deletedId
      userErrors { code message field }
    }
  }
`);
