"""What the words of an entity mean: a day, an amount of money, a number."""
