"""What the made-up children write, and how their forms word it. Every name here is invented."""
import re

GIVEN = """Alma Benicio Clara Damián Edith Fermín Greta Horacio Ivy Joaquín Keziah Lorenzo Maeve Nicanor Odalys Percival Quiana
Rosendo Sabina Teófilo Ursula Violeta Wendell Ximena Yadira Zenón Abril Boone Coralie Dashiell Eulalia Ferris Ginevra Hezekiah
Itzel Jubal Kenji Lucinda Mateo Néstor Ottilie Priya Ramiro Séverine Tamsin Ulises Verónica Willa Anahí Cormac""".split()
FAMILY = """Abernot Bellwether Castañares Dunmarrow Echeandía Fenwillow Garzalba Hawksmere Ibarluz Juniperly Kettleborn Larkspire
Montellano Nightbrook Olivarte Pinkerly Quintavar Redfernes Saltamonte Tumbleton Urquilla Vallebruno Wexcombe Yarrowdale
Zamorrano Ashgrovely Briarcote Cienfuentes Driftmoor Elmsgate Floresanta Gullane Hollinshaw""".split()
PARTICLES = ["de la ", "del ", "de los ", "van ", "O'", "Mac"]
SCHOOLS_EN = ["Amberly Creek", "Blue Heron", "Cottonmill", "Duskwood", "East Larch", "Foxglove Hill", "Greyson Park", "Harbor Stone",
              "Ironbark", "Jasper Lane", "Kestrel Bay", "Lavender Fields", "Mossbank", "Northgate Vale", "Orchard Row", "St. Alder"]
SCHOOL_KINDS_EN = ["Elementary School", "Elementary", "Middle School", "School", "Academy", "Primary School", "Charter School", "K-8 School"]
SCHOOLS_ES = ["Lago Sereno", "Benita Solares", "Monte Claro", "Niños del Valle", "Puerta del Viento", "Álamo Alto", "San Telmo", "Luz de Abril"]
SCHOOL_KINDS_ES = ["Escuela Primaria", "Colegio", "Escuela", "Escuela Secundaria", "Instituto"]
TOWNS = ["Alderpoint", "Bahía Verde", "Copper Falls", "Dos Robles", "Eastmere", "Fort Linden", "Gray Rapids", "Hollow Pine", "Isla Nueva",
         "Jackdaw Springs", "Lomas Claras", "Millbrook Heights", "New Sedgwick", "Ojo de Luna", "Port Harrow", "San Bartolo"]
TITLES = ["Mr.", "Mrs.", "Ms.", "Miss", "Sr.", "Sra.", "Srta.", "Dr.", "Prof.", "Coach", ""]
MAIL_HOSTS = ["example.com", "example.com", "example.org", "example.net", "mail.example.net", "example.edu"]
AREAS = ["305", "415", "512", "602", "718", "808", "919"]

GRADE_WORDS = {1: ("First", "Primero"), 2: ("Second", "Segundo"), 3: ("Third", "Tercero"), 4: ("Fourth", "Cuarto"), 5: ("Fifth", "Quinto"),
               6: ("Sixth", "Sexto"), 7: ("Seventh", "Séptimo"), 8: ("Eighth", "Octavo")}
GRADE_ES = {1: "1ro", 2: "2do", 3: "3ro", 4: "4to", 5: "5to", 6: "6to", 7: "7mo", 8: "8vo"}

LABELS = {
    "student_name": (["Student's Name", "Student Name", "Name of Student", "Student's Full Name", "Student"],
                     ["Nombre del Estudiante", "Nombre del Alumno", "Nombre y Apellido", "Nombre Completo", "Estudiante"]),
    "school_name": (["School Name", "School", "Name of School"], ["Nombre de la Escuela", "Escuela", "Nombre del Colegio"]),
    "grade": (["Grade", "Grade Level", "Current Grade"], ["Grado", "Grado Escolar"]),
    "teacher": (["Teacher's Name", "Teacher", "Classroom Teacher", "Homeroom Teacher"],
                ["Nombre del Maestro", "Maestro(a)", "Maestra", "Profesor(a)"]),
    "city": (["City", "Town", "City or Location", "City / State"], ["Ciudad", "Localidad", "Ciudad o Localidad"]),
    "father_name": (["Father's Name", "Father or Father-figure Name", "Father/Father-figure Name", "Father-figure's Name"],
                    ["Nombre del Padre", "Nombre del Padre o Figura Paterna", "Padre o Figura Paterna"]),
    "phone": (["Phone", "Phone Number", "Telephone", "Contact Phone"], ["Teléfono", "Número de Teléfono", "Celular"]),
    "email": (["Email", "E-mail", "Email Address", "E-mail Address"], ["Correo Electrónico", "Correo"]),
}
TITLE_LINES = [("Father's Day Essay Contest", "Concurso de Ensayos del Día del Padre"), ("Dads Who Dare - Essay Contest Entry Form", "Concurso de Ensayo"),
               ("Essay Contest Entry Form", "Hoja de Inscripción"), ("County Library Essay Contest", "Formulario de Inscripción"),
               ("Official Entry Form", "Concurso de Ensayos")]
ESSAY_HEADS = (["My Essay", "Essay", "Your Essay", "Student Essay"], ["Mi Ensayo", "Ensayo", "Tu Ensayo"])
NEXT_PAGE = ("Write your essay on the next page.", "Escribe tu ensayo en la siguiente página.")
SENTENCES = ("""My uncle raised me after the flood and I call him Dad. He can whistle louder than the noon train. Every Friday he lets me choose
the soup. When the roof leaked he gave me the dry corner of the bed. He works nights at the harbor and still walks me to class.
I once broke his favorite mug and he only asked if my hand was bleeding. He taught me to read maps before I could read books.
Some days he is too tired to talk, so we listen to the radio together. My father keeps every drawing I made in a blue folder.
He says that a promise is a small bridge and you must not leave holes in it. We planted seven lemon trees and five are alive.
I want to learn carpentry because his hands make wood look easy. He never shouts at the television, not even when our team loses.
The first time I swam alone he stood in the water with his shoes on. If I could give him a present it would be a whole week of sleep.""",
             """Mi padrino me crió desde que tenía dos años y yo le digo papá. Sabe silbar más fuerte que el tren. Los viernes me deja escoger la
sopa. Cuando llueve arregla el techo sin quejarse. Trabaja de noche en el puerto y aun así me lleva a la escuela. Una vez rompí su
taza favorita y solo me preguntó si me había cortado. Me enseñó a leer mapas antes de leer libros. Algunos días está muy cansado y
escuchamos la radio juntos. Mi papá guarda todos mis dibujos en una carpeta azul. Dice que una promesa es un puente pequeño.
Sembramos siete limoneros y cinco siguen vivos. Quiero ser carpintero porque sus manos hacen fácil la madera. Nunca grita cuando
pierde nuestro equipo. La primera vez que nadé solo él estaba en el agua con los zapatos puestos.""")
COVER = ["To the committee,", "Enclosed are the pages that our class has written this spring.", "Please send the certificates to the front desk.",
         "We thank the volunteers for reading all of them.", "Sincerely,", "The office"]


def grade(rng):
    n = rng.randint(1, 12)
    shapes = [str(n), str(n), f"{n}{ordinal(n)}", f"{n}{ordinal(n)} grade", f"Grade {n}", f"{n}° grado", f"{n}°"]
    if n <= 8:
        shapes += [GRADE_ES[n], rng.choice(GRADE_WORDS[n])]
    return rng.choice(shapes) if rng.random() > 0.04 else rng.choice(["K", "Kinder", "Kindergarten"])


def ordinal(n):
    return {1: "st", 2: "nd", 3: "rd"}.get(n, "th")


def person(rng, family=None):
    family = family or rng.choice(FAMILY)
    given = rng.choice(GIVEN) + (" " + rng.choice(GIVEN) if rng.random() < 0.12 else "")
    shape = rng.random()
    if shape < 0.12:
        return f"{given} {family}-{rng.choice(FAMILY)}", family
    if shape < 0.22:
        return f"{given} {rng.choice(FAMILY)} {family}", family
    if shape < 0.32:
        return f"{given} {rng.choice(PARTICLES)}{family}", family
    return f"{given} {family}", family


def school(rng):
    if rng.random() < 0.7:
        return f"{rng.choice(SCHOOLS_EN)} {rng.choice(SCHOOL_KINDS_EN)}"
    return f"{rng.choice(SCHOOL_KINDS_ES)} {rng.choice(SCHOOLS_ES)}"


def plain(text):
    return re.sub("[^a-z]", "", text.lower().translate(str.maketrans("áéíóúñü", "aeiounu")))


def phone(rng):
    a, b, c = rng.choice(AREAS), "555", f"01{rng.randint(0, 99):02}"
    return rng.choice([f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"{a} {b} {c}", f"+1 {a} {b} {c}"])


def email(rng, name):
    given, family = name.split()[0], name.split()[-1].split("-")[0]
    user = rng.choice([f"{plain(given)}.{plain(family)}", f"{plain(given)[0]}{plain(family)}{rng.randint(1, 99)}", f"{plain(family)}_{plain(given)}"])
    return f"{user}@{rng.choice(MAIL_HOSTS)}"


def essay(rng, language, sentences):
    whole = " ".join(SENTENCES[language].split())
    parts = [p.strip() + "." for p in whole.split(".") if p.strip()]
    rng.shuffle(parts)
    return " ".join(parts[:sentences])


def entry(rng, schools, blanks=0.12, caps=False):
    """The values of one form by field; optional ones are sometimes left empty."""
    name, family = person(rng)
    teacher = f"{rng.choice(TITLES)} {rng.choice(FAMILY)}".strip()
    values = {"student_name": name, "school_name": rng.choice(schools), "grade": grade(rng), "teacher": teacher, "city": rng.choice(TOWNS),
              "father_name": person(rng, family)[0], "phone": phone(rng), "email": email(rng, name)}
    if caps:
        values.update({k: v.upper() for k, v in values.items() if k != "email"})
    for field in ("teacher", "city", "father_name", "phone", "email"):
        if rng.random() < blanks:
            values[field] = ""
    return values


def labels(rng):
    """How one form words its labels: English, Spanish or both; the same for all students of a document."""
    language = rng.choice(["en", "en", "es", "both", "both"])
    chosen = {}
    for field, (english, spanish) in LABELS.items():
        e, s = rng.choice(english), rng.choice(spanish)
        chosen[field] = {"en": e, "es": s, "both": f"{e} / {s}"}[language]
    e, s = rng.choice(ESSAY_HEADS[0]), rng.choice(ESSAY_HEADS[1])
    chosen["essay"] = {"en": e, "es": s, "both": f"{e} / {s}"}[language]
    chosen["next"] = {"en": NEXT_PAGE[0], "es": NEXT_PAGE[1], "both": f"{NEXT_PAGE[0]} / {NEXT_PAGE[1]}"}[language]
    title = rng.choice(TITLE_LINES)
    chosen["titles"] = {"en": title[:1], "es": title[1:], "both": title}[language]
    return chosen
