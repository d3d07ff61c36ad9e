# The only part that can change anything, and what it may.

locals {
  # Verb -> the rights it needs; written and tested beside the verbs themselves. Keys that begin with
  # an underscore are not verbs. A right of ARM is a plain action; `graph:` is an application
  # permission of Microsoft Graph, `tenant:` an action on the tenant itself, outside any subscription.
  permissions = jsondecode(file("${path.module}/../../functions/azure/permissions.json"))
  known_verbs = toset([for verb in keys(local.permissions) : verb if !startswith(verb, "_")])

  # A verb that is only rehearsed reads and plans: it gets the reading part of its rights.
  rehearsed = toset([
    for verb, each in var.policy.verbs : verb
    if each.mode == "rehearse" && !contains(var.enabled_verbs, verb)
  ])

  verb_rights = merge(
    { for verb in var.enabled_verbs : verb => local.permissions[verb] },
    {
      for verb in local.rehearsed : verb => [
        for right in local.permissions[verb] : right if can(regex("(/read|\\.Read\\.All)$", right))
      ]
    },
  )

  verb_actions = {
    for verb, rights in local.verb_rights : verb => [for right in rights : right if !can(regex("^[a-z]+:", right))]
  }

  # What rights in subscriptions can't give, by the function that needs it: see the README.
  directory_rights = {
    respond = sort(distinct(flatten([
      for rights in values(local.verb_rights) : [for right in rights : right if can(regex("^[a-z]+:", right))]
    ])))
    sweep = sort([for right in local.look : right if can(regex("^[a-z]+:", right))])
  }
}

# A role for each verb and subscription, so that a plan shows its rights word by word and taking a verb
# away takes them all. What an intruder will touch is not known beforehand: the scope is the subscription.
resource "azurerm_role_definition" "verb" {
  for_each = {
    for pair in setproduct(keys(local.verb_actions), local.subscriptions) :
    "${pair[0]}/${pair[1]}" => { verb = pair[0], subscription = pair[1] }
    if length(local.verb_actions[pair[0]]) > 0
  }

  name              = "${var.name} ${each.value.verb} ${substr(sha256("${local.suffix}/${each.value.subscription}"), 0, 8)}"
  scope             = "/subscriptions/${each.value.subscription}"
  description       = "What ${var.name}'s respond function needs for ${each.value.verb}."
  assignable_scopes = ["/subscriptions/${each.value.subscription}"]

  permissions {
    actions = local.verb_actions[each.value.verb]
  }
}

resource "azurerm_role_assignment" "verb" {
  for_each = azurerm_role_definition.verb

  scope              = each.value.scope
  role_definition_id = each.value.role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.function["respond"].principal_id
  principal_type     = "ServicePrincipal"

  # Whoever may write role assignments could make themselves owner. Vigil takes grants and gives the
  # same ones back: to itself it can give none, whatever its code is talked into.
  condition_version = contains(local.verb_actions[split("/", each.key)[0]], "Microsoft.Authorization/roleAssignments/write") ? "2.0" : null
  condition = contains(local.verb_actions[split("/", each.key)[0]], "Microsoft.Authorization/roleAssignments/write") ? join(" AND ", [
    for verb, attribute in { write = "@Request", delete = "@Resource" } :
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/${verb}'})) OR (${attribute}[Microsoft.Authorization/roleAssignments:PrincipalId] ForAnyOfAllValues:GuidNotEquals {${join(", ", [for one in azurerm_user_assigned_identity.function : one.principal_id])}}))"
  ]) : null
}
