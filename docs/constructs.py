"""Every construct of Sigma, what it means here in a sentence, and the test that shows it.

Sigma 2.1 (https://github.com/SigmaHQ/sigma-specification: rules, modifiers, correlation rules,
filters) and what pySigma adds. Data for docs/generate.py, which fails when a test is not there; it
does not know how a page looks. A test is a function, or a row that is named first in its table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Construct(NamedTuple):
    """One row. `test` is FILE::NAME below tests/core; FILE alone where the whole file shows it."""

    name: str
    meaning: str
    test: str
    supported: bool = True


SEMANTICS = "test_sigma_semantics.py"
FAULTS = "test_sigma_faults.py"
CORRELATION = "test_sigma_correlation.py"
WINDOWS = "test_correlate.py"
FILTER = "test_sigma_filter.py"
COLLECTION = "test_sigma_collection.py"

VALUES = (
    Construct("text", "Equal, whatever the case.", f"{SEMANTICS}::equal"),
    Construct("list of values", "Any of them.", f"{SEMANTICS}::list is any"),
    Construct("map", "All of its items.", f"{SEMANTICS}::map is all"),
    Construct("list of maps", "Any of the maps.", f"{SEMANTICS}::list of maps is any"),
    Construct("`*`", "Any text, of any length, line breaks too.", f"{SEMANTICS}::star inside"),
    Construct("`*` alone", "Any value but null.", f"{SEMANTICS}::only a star"),
    Construct("`?`", "Exactly one character.", f"{SEMANTICS}::question mark is one character"),
    Construct(r"`\*`", "A star.", f"{SEMANTICS}::escaped star"),
    Construct(r"`\?`", "A question mark.", f"{SEMANTICS}::escaped question mark"),
    Construct(
        r"`\\*`",
        "A backslash, then any text.",
        f"{SEMANTICS}::escaped backslash before a star",
    ),
    Construct(
        r"`\\\*`",
        "A backslash and a star.",
        f"{SEMANTICS}::three backslashes before a star are plain text",
    ),
    Construct(r"`\`", "A backslash, before any other character.", f"{SEMANTICS}::plain backslash"),
    Construct(
        r"`\\`, `\\\\`",
        "One backslash, and two.",
        f"{SEMANTICS}::two, and four, backslashes",
    ),
    Construct(
        "number", "Compared as its shortest text: 0 is `0`.", f"{SEMANTICS}::number and text"
    ),
    Construct("boolean", "Compared as `true` or `false`; 1 is not true.", f"{SEMANTICS}::boolean"),
    Construct("`null`", "The field is absent, null, or an empty list.", f"{SEMANTICS}::null"),
    Construct("`null` in a list", "That, or one of the values.", f"{SEMANTICS}::null or a text"),
    Construct("`''`", "Exactly the empty text.", f"{SEMANTICS}::empty text"),
    Construct("`[]`", "As null.", f"{SEMANTICS}::no value is null"),
    Construct("keyword", "Inside any value of the record.", f"{SEMANTICS}::single"),
    Construct("list of keywords", "Any of them.", f"{SEMANTICS}::any leaf"),
    Construct("keywords with `all`", "All, in any values.", f"{SEMANTICS}::all"),
    Construct("keywords among maps", "Any of keyword and map.", f"{SEMANTICS}::among maps"),
)

FIELDS = (
    Construct(
        "dotted field",
        "Walks through objects.",
        f"{SEMANTICS}::dots go through objects",
    ),
    Construct("list on the way", "Any of its elements.", f"{SEMANTICS}::dots go through lists"),
    Construct("list as value", "Any of its elements.", f"{SEMANTICS}::any element of a list"),
    Construct("key with dots", "Found; the longest counts.", f"{SEMANTICS}::keys with dots"),
    Construct(
        "object as value",
        "Read as its compact JSON text.",
        f"{SEMANTICS}::an object is its JSON text",
    ),
    Construct(
        "field mapping",
        "An alias of the source is the first native path that exists.",
        "test_detect.py::test_the_first_alias_that_exists_counts",
    ),
)

MODIFIERS = (
    Construct("contains", "Anywhere in the text.", f"{SEMANTICS}::contains"),
    Construct("startswith", "At its start.", f"{SEMANTICS}::startswith"),
    Construct("endswith", "At its end.", f"{SEMANTICS}::endswith"),
    Construct("all", "All values of the list, instead of any.", f"{SEMANTICS}::all"),
    Construct("cased", "Case counts.", f"{SEMANTICS}::cased"),
    Construct("exists", "The field is there, whatever its value.", f"{SEMANTICS}::exists"),
    Construct("neq", "The test does not hold; true of an absent field.", f"{SEMANTICS}::neq"),
    Construct(
        "re",
        "Found anywhere, case counting, in linear time (RE2); what RE2 can't run is refused.",
        f"{SEMANTICS}::found anywhere",
    ),
    Construct("i", "With `re`: case does not count.", f"{SEMANTICS}::i"),
    Construct("m", "With `re`: `^` and `$` at every line.", f"{SEMANTICS}::m"),
    Construct("s", "With `re`: `.` is a line break too.", f"{SEMANTICS}::s"),
    Construct("ignorecase", "As `i`.", f"{SEMANTICS}::i, m and s by their long names"),
    Construct("multiline", "As `m`.", f"{SEMANTICS}::i, m and s by their long names"),
    Construct("dotall", "As `s`.", f"{SEMANTICS}::i, m and s by their long names"),
    Construct(
        "cidr",
        "An address, or a network, within the network; IPv4 and IPv6.",
        f"{SEMANTICS}::cidr",
    ),
    Construct("gt", "A number, or its text, above.", f"{SEMANTICS}::gt"),
    Construct("gte", "At least.", f"{SEMANTICS}::gte"),
    Construct("lt", "Below.", f"{SEMANTICS}::lt"),
    Construct("lte", "At most.", f"{SEMANTICS}::lte"),
    Construct("fieldref", "As any value of the other field.", f"{SEMANTICS}::fieldref"),
    Construct("fieldref + contains", "Has it within.", f"{SEMANTICS}::fieldref contains"),
    Construct("fieldref + startswith", "Starts with it.", f"{SEMANTICS}::fieldref startswith"),
    Construct("fieldref + endswith", "Ends with it.", f"{SEMANTICS}::fieldref endswith"),
    Construct("fieldref + neq", "As none of them.", f"{SEMANTICS}::neq of another field"),
    Construct("base64", "The text encoded.", f"{SEMANTICS}::base64"),
    Construct("base64offset", "Encoded at any of three offsets.", f"{SEMANTICS}::base64offset"),
    Construct("wide", "UTF-16 little-endian, to be encoded.", f"{SEMANTICS}::wide"),
    Construct("utf16le", "As `wide`; pySigma does not know the name.", f"{SEMANTICS}::utf16le"),
    Construct("utf16be", "UTF-16 big-endian, to be encoded.", f"{SEMANTICS}::utf16be"),
    Construct("utf16", "With its byte order mark, to be encoded.", f"{SEMANTICS}::utf16"),
    Construct("windash", "With each of the five dashes and slashes.", f"{SEMANTICS}::windash"),
    Construct(
        "expand",
        "`%name%` stands for values of the settings; refused when it has none.",
        f"{SEMANTICS}::values",
    ),
    Construct(
        r"expand with `\%`",
        "A percent sign.",
        f"{SEMANTICS}::an escaped percent sign is plain",
    ),
    Construct("minute", "Of a time, in UTC.", f"{SEMANTICS}::minute"),
    Construct("hour", "Of a time, in UTC.", f"{SEMANTICS}::hour is in UTC"),
    Construct("day", "Of the month.", f"{SEMANTICS}::day"),
    Construct("week", "As ISO 8601 counts them.", f"{SEMANTICS}::week"),
    Construct("month", "From 1 to 12.", f"{SEMANTICS}::month"),
    Construct("year", "Of a time, in UTC.", f"{SEMANTICS}::year"),
    Construct("`hour` + `gte`", "A part of a date, compared.", f"{SEMANTICS}::hour compared"),
)

CONDITIONS = (
    Construct("`and`", "Both.", f"{SEMANTICS}::and"),
    Construct("`or`", "Either; binds last.", f"{SEMANTICS}::and binds before or"),
    Construct("`not`", "Binds first.", f"{SEMANTICS}::not binds first"),
    Construct("`( )`", "First of all.", f"{SEMANTICS}::brackets"),
    Construct("`1 of sel_*`", "Any whose name fits.", f"{SEMANTICS}::1 of pattern"),
    Construct("`any of sel_*`", "The same.", f"{SEMANTICS}::any of pattern"),
    Construct("`all of sel_*`", "All whose name fits.", f"{SEMANTICS}::all of pattern"),
    Construct("`1 of them`", "Any but names that begin with `_`.", f"{SEMANTICS}::1 of them"),
    Construct("`all of them`", "All but those.", f"{SEMANTICS}::all of them"),
    Construct(
        "list of conditions",
        "Any of them.",
        f"{SEMANTICS}::several conditions are any",
    ),
    Construct(
        "`| count()`",
        "Sigma 1's aggregations are refused: write a correlation.",
        f"{FAULTS}::test_a_fault_names_its_line_and_the_nearest_name",
        supported=False,
    ),
)

DOCUMENT = (
    Construct(
        "`title`, `id`, `name`, `level`, `status`, `tags`, ...",
        "Kept; a value that is none of the known is refused.",
        f"{FAULTS}::test_a_rule_keeps_what_it_says_about_itself",
    ),
    Construct(
        "`logsource`: `product`, `service`, `category`",
        "The source `product/service`; either may be left out and means any.",
        f"{FAULTS}::test_logsource_becomes_a_source",
    ),
    Construct(
        "`date`, `modified`, `license`, `related`, `fields`, `scope`, `definition`, own keys",
        "Read over: they change nothing about what a rule matches.",
        f"{FAULTS}::test_keys_that_change_nothing_are_read_over",
    ),
    Construct(
        "`taxonomy`",
        "Only Sigma's own; another one is a warning, since its names are not translated.",
        f"{FAULTS}::test_an_unknown_taxonomy_is_a_warning",
        supported=False,
    ),
    Construct(
        "several documents in a file",
        "Each on its own: a bad one does not stop the others.",
        f"{FAULTS}::test_one_bad_document_does_not_stop_the_others",
    ),
    Construct(
        "`action: global`, `reset`, `repeat`",
        "Sigma 1's collections: documents of a file that share what one of them says.",
        f"{COLLECTION}::test_what_is_global_is_taken_over_by_all_that_follow_until_reset",
    ),
)

CORRELATIONS = (
    Construct(
        "event_count",
        "Events within a window.",
        f"{WINDOWS}::test_groups_are_apart_and_named_as_in_group_by",
    ),
    Construct(
        "value_count",
        "Different values of a field.",
        f"{WINDOWS}::test_missing_values_are_no_value",
    ),
    Construct(
        "temporal",
        "Rules that fired within a window.",
        f"{WINDOWS}::test_any_order_will_do_unless_an_order_is_asked",
    ),
    Construct(
        "temporal_ordered",
        "Rules that fired in their order.",
        f"{WINDOWS}::test_an_order_looks_at_the_latest_start",
    ),
    Construct("value_sum", "The sum of a field.", f"{WINDOWS}::value_sum"),
    Construct("value_avg", "Its mean.", f"{WINDOWS}::value_avg"),
    Construct(
        "value_min", "Its least value; in the specification's schema only.", f"{WINDOWS}::value_min"
    ),
    Construct(
        "value_max",
        "Its greatest value; in the specification's schema only.",
        f"{WINDOWS}::value_max",
    ),
    Construct("value_median", "Its median.", f"{WINDOWS}::value_median"),
    Construct(
        "value_percentile",
        "Its `percentile`, between two values if need be; without one it is refused.",
        f"{WINDOWS}::value_percentile",
    ),
    Construct(
        "first_seen",
        "Our own: a value that is new, after a time of learning.",
        f"{WINDOWS}::test_a_value_is_new_once_and_again_after_it_was_forgotten",
    ),
    Construct(
        "absence",
        "Our own: what should have come and did not.",
        f"{WINDOWS}::test_silence_is_told_once_it_lasted",
    ),
    Construct(
        "`rules`",
        "By id or name, over all files.",
        f"{CORRELATION}::test_a_rule_is_referred_to_by_name_or_id_in_whatever_file",
    ),
    Construct(
        "`group-by`",
        "A window for each value; several fields make one value.",
        f"{WINDOWS}::test_groups_are_apart_and_named_as_in_group_by",
    ),
    Construct(
        "`timespan`", "`s m h d w M y`.", f"{CORRELATION}::test_a_timespan_is_a_number_and_a_unit"
    ),
    Construct(
        "`aliases`",
        "Another field for each rule.",
        f"{WINDOWS}::test_an_alias_is_another_field_in_each_rule",
    ),
    Construct(
        "`gt gte lt lte eq neq`",
        "Several at once are a range.",
        f"{CORRELATION}::test_several_operators_are_a_range",
    ),
    Construct(
        "`field`",
        "One field, or several that make one value.",
        f"{WINDOWS}::test_several_fields_make_one_value_together",
    ),
    Construct(
        "`percentile`",
        "Which one, from 0 to 100.",
        f"{CORRELATION}::test_fields_and_percentile_are_in_the_condition",
    ),
    Construct(
        "extended condition",
        "`a and (b or not c)`, over rules.",
        f"{WINDOWS}::test_a_boolean_condition",
    ),
    Construct(
        "`generate`",
        "The rules it watches make hits of their own too.",
        f"{CORRELATION}::test_generate_counts_within_the_section_and_beside_it",
    ),
    Construct(
        "chain",
        "A correlation may watch correlations.",
        f"{WINDOWS}::test_many_failures_and_then_a_success",
    ),
)

FILTERS = (
    Construct(
        "`filter`",
        "A hit of a rule it names is kept where its condition holds: `not selection` suppresses.",
        f"{FILTER}::test_hits_are_those_of_the_rule_that_pysigma_makes_of_rule_and_filter",
    ),
    Construct(
        "several filters",
        "All must keep a hit.",
        f"{FILTER}::test_two_filters_are_one_rule_with_both_in_pysigma",
    ),
    Construct("`rules`", "By id or name.", f"{FILTER}::test_rules_are_ids_or_names_or_any"),
    Construct(
        "`rules: any`, `logsource`",
        "Every rule that the logsource covers.",
        f"{FILTER}::test_any_means_the_rules_that_the_logsource_covers",
    ),
    Construct(
        "selections, `condition`",
        "As in a rule.",
        f"{FILTER}::test_a_selection_may_begin_with_an_underscore",
    ),
    Construct(
        "`owner`, `reason`, `expires`",
        "Our own: whose word it is, why, and until when.",
        f"{FILTER}::test_a_filter_keeps_what_it_says_about_itself",
    ),
)

SECTIONS: Mapping[str, tuple[Construct, ...]] = {
    "Values and searches": VALUES,
    "Fields": FIELDS,
    "Modifiers": MODIFIERS,
    "Conditions": CONDITIONS,
    "Documents": DOCUMENT,
    "Correlations": CORRELATIONS,
    "Filters": FILTERS,
}
