"""What the lines say: names, schools, grades, numbers, addresses and prose, of the words that Tesseract's models know and of
words made up letter by letter as those are."""
PARTICLES = ["de", "del", "de la", "van", "y", "M.", "J.", "R.", "A."]
TITLES = ["Mr.", "Mrs.", "Ms.", "Sr.", "Sra.", "Dr.", "Miss", "Prof."]
SCHOOLS = ["{} School", "{} Elementary", "{} Elementary School", "{} Middle School", "Escuela {}", "Escuela Primaria {}", "Academia {}",
           "{} Academy", "Colegio {}", "St. {} School", "Instituto {}", "{} Charter School", "Primaria {}", "{} Elem."]
GRADES = ["{}", "{}", "{}th", "{}th grade", "Grade {}", "{}º", "{}° grado", "{}°", "{}º grado", "{} grado", "{}-B"]
ORDINALS_ES = "1ro 2do 3ro 4to 5to 6to 7mo 8vo 9no 10mo 1er 3er".split()
GRADE_WORDS = """first second third fourth fifth sixth seventh eighth Kinder Kindergarten K Pre-K primero segundo tercero cuarto quinto sexto
séptimo octavo First Second Third Fourth Fifth Sixth Seventh Eighth Primero Segundo Tercero Cuarto Quinto Sexto Séptimo Octavo""".split()
NUMBERS = ["(###) ###-####", "###-###-####", "###.###.####", "##########", "### ### ####", "#/##/20##", "##/#/19##", "###", "#", "+1 ### ### ####"]
ADDRESSES = ["{a}", "{a}.{b}", "{a}_{b}", "{a}{n}", "{a}-{b}"]
HOSTS = ["{c}.com", "{c}.org", "{c}.net", "{c}.edu", "mail.{c}.com", "correo.{c}.mx", "{c}.us", "{c}.es"]
SMALL = {"eng": "the a of and to in is I my we was that it for you on with he she they".split(),
         "spa": "el la de y en es mi que un una los las se con por me su lo no a".split()}
ORDINALS = {"1th": "1st", "2th": "2nd", "3th": "3rd"}


class Texts:
    def __init__(self, rng, words):
        """words: language -> words, as dawg2wordlist gives them."""
        self.rng = rng
        self.small = {k: [w for w in v if w.islower()] for k, v in words.items()}
        self.large = {k: [w for w in v if w[0].isupper() and w[1:].islower()] for k, v in words.items()}
        self.after = {}  # two letters -> letters that follow them in words
        for known in words.values():
            for word in known[:80000]:
                word = "^^" + word.lower() + "$"
                for i in range(2, len(word)):
                    self.after.setdefault(word[i - 2:i], []).append(word[i])

    def some(self, pattern):
        return "".join(self.rng.choice("0123456789") if c == "#" else c for c in pattern)

    def invented(self):
        while True:
            word = "^^"
            while word[-1] != "$" and len(word) < 15:
                word += self.rng.choice(self.after[word[-2:]])
            if 3 <= len(word.strip("^$")) <= 12:
                return word.strip("^$")

    def proper(self):
        rng, language = self.rng, self.rng.choice(list(self.large))
        word = rng.choices([rng.choice(self.large[language]), self.invented().capitalize(), rng.choice(self.small[language]).capitalize()], [45, 35, 20])[0]
        if rng.random() < 0.03:
            word += "-" + self.invented().capitalize()
        return rng.choice(["Mc", "O'", "D'"]) + word if rng.random() < 0.02 else word

    def name(self):
        rng = self.rng
        parts = [self.proper() for _ in range(rng.choice([1, 2, 2, 2, 3, 3]))]
        if len(parts) > 1 and rng.random() < 0.15:
            parts.insert(1, rng.choice(PARTICLES))
        if rng.random() < 0.04:
            parts.append("Jr.")
        if rng.random() < 0.06:
            parts.insert(0, rng.choice(TITLES))
        return " ".join(parts)

    def school(self):
        return self.rng.choice(SCHOOLS).format(self.name() if self.rng.random() < 0.3 else self.proper())

    def grade(self):
        if self.rng.random() < 0.1:
            return self.rng.choice(GRADE_WORDS)
        if self.rng.random() < 0.15:
            return self.rng.choice(ORDINALS_ES)
        text = self.rng.choice(GRADES).format(self.rng.randint(1, 12))
        return ORDINALS.get(text[:3], text[:3]) + text[3:]

    def number(self):
        return self.some(self.rng.choice(NUMBERS))

    def email(self):
        user = self.rng.choice(ADDRESSES).format(a=self.invented(), b=self.invented(), n=self.rng.randint(1, 99))
        return user + "@" + self.rng.choice(HOSTS).format(c=self.invented())

    def prose(self):
        rng, language = self.rng, self.rng.choice(list(SMALL))
        words = []
        for _ in range(rng.randint(2, 9)):
            word = rng.choices([rng.choice(SMALL[language]), rng.choice(self.small[language]), self.proper()], [40, 51, 9])[0]
            words.append(word + (rng.choice(",,.;:!?") if rng.random() < 0.06 else ""))
        if rng.random() < 0.4:
            words[0] = words[0].capitalize()
        return " ".join(words) + (rng.choice("..!?") if rng.random() < 0.3 else "")

    def label(self):
        words = " ".join(self.rng.choice(self.small["eng"]) for _ in range(self.rng.randint(1, 3))).capitalize()
        return words + self.rng.choice([":", ":", ""])

    def answer(self, numbers=False):
        """numbers: mostly of digits, which come too seldom otherwise."""
        kinds = [self.name, self.school, self.grade, self.number, self.email, self.prose]
        return self.rng.choices(kinds, [10, 0, 30, 45, 15, 0] if numbers else [34, 15, 10, 10, 9, 22])[0]()
