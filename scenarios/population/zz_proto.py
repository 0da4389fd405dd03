from core.ports.people import People, Person as P, BankCard
from scenarios.population.register import Population
from scenarios.population.people import Person, Card
from scenarios.population.plan import HomeBank
from core.banks import Bank
def f(p: Population, x: Person, c: Card, b: Bank) -> tuple[People, P, BankCard, HomeBank]:
    return p, x, c, b
