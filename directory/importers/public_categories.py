"""Which legal categories of INSEE's nomenclature are public bodies that receive invoices as such.

State, local authorities, their public establishments (administrative, industrial and commercial),
social security, professional orders: the list the State's own directory of companies goes by.
"""

# fmt: off
PUBLIC_CATEGORIES = [
    "4110", "4120", "4140", "4150", "4160", "5430", "5530", "5546", "5630", "7111", "7112", "7113", "7120",
    "7150", "7160", "7171", "7172", "7179", "7190", "7210", "7220", "7225", "7229", "7230", "7312", "7313",
    "7314", "7321", "7322", "7323", "7331", "7340", "7341", "7342", "7343", "7344", "7345", "7346", "7347",
    "7348", "7349", "7351", "7352", "7353", "7354", "7355", "7356", "7357", "7361", "7362", "7363", "7364",
    "7365", "7366", "7367", "7371", "7372", "7373", "7378", "7379", "7381", "7382", "7383", "7384", "7385",
    "7389", "7410", "7430", "7450", "7470", "7490", "8110", "8120", "8140", "8150", "8160", "8170", "8450",
]
# fmt: on
# Companies that INSEE files under one of these, or under a public body's SIREN, by mistake.
NOT_PUBLIC = ["348679010", "498569177"]
